"""Boxes in photos: what every row that says where something is has in common."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Box(models.Model):
    """A rectangle relative (0..1) to the upright picture; x and y are its upper left corner."""

    x = models.FloatField()
    y = models.FloatField()
    w = models.FloatField()
    h = models.FloatField()

    class Meta:
        abstract = True

    @staticmethod
    def inside(name: str) -> models.CheckConstraint:
        return models.CheckConstraint(
            condition=Q(x__gte=0, y__gte=0, w__gt=0, h__gt=0, w__lte=1.0001, h__lte=1.0001), name=name
        )
