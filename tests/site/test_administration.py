"""What the administration says to forms that no page of it made."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

REGISTERED = list(django_admin.site._registry.values())
NUMBERS_ONLY = ["abc", "1.5", "9" * 30, "9" * 5000, ""]


def actions_of(model_admin: Any, rf: Any, user: User) -> list[str]:
    request = rf.get("/")
    request.user = user
    return list(model_admin.get_actions(request))


def selections(model_admin: Any) -> list[str]:
    """Keys that no row can have."""
    return ["1\0", *(NUMBERS_ONLY if model_admin.model._meta.pk.get_internal_type().endswith("AutoField") else [])]


@pytest.mark.slow
@pytest.mark.parametrize("model_admin", REGISTERED, ids=lambda model_admin: model_admin.model.__name__)
def test_a_selection_that_cannot_be_is_a_message(model_admin: Any, admin: User, admin_client: Client, rf: Any) -> None:
    meta = model_admin.model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    actions = actions_of(model_admin, rf, admin)
    for action in actions or ["delete_selected"]:  # without actions of its own a list only shows itself again
        for selected in selections(model_admin):
            data = {"action": action, "_selected_action": ["1", selected]}
            response = admin_client.post(address, data, follow=True)
            assert response.status_code == 200, (action, selected)
            said = [str(message) for message in response.context["messages"]]
            assert said == (["What was selected is not in this list. Nothing was changed."] if actions else [])
