"""The places of photos as pages and the search know them: countries and their cities, counted over what a viewer sees.

They are kept in memory by library until its photos change (`kept`), for counting 100,000 photos takes too long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from django.db.models import Count, Max, Q
from django.urls import get_script_prefix

from gallery import places, quantise
from gallery.access import Viewer, shown_in
from gallery.folding import fold
from gallery.kept import Kept
from gallery.models import Photo
from gallery.queries import thumbnail_url

# Cities of a country on the page of all countries; the page of one country shows more.
FEW = 8
MANY = 400


@dataclass(frozen=True, slots=True)
class Spot:
    """Photos of one library with the same names; the cover is the one added last."""

    country: str
    region: str
    city: str
    count: int
    cover: Photo

    @property
    def names(self) -> tuple[str, str, str]:
        return self.country, self.region, self.city


@dataclass(frozen=True, slots=True)
class Town:
    """A city, or what lies outside of all cities in a region, as the page shows it."""

    name: str
    about: str  # "Bavaria · 12 photos"
    url: str
    count: int
    cover_url: str
    tint: str


@dataclass(frozen=True, slots=True)
class Country:
    """`towns` are those with the most photos; there are `town_count` in all."""

    name: str
    url: str
    count: int
    towns: list[Town]
    town_count: int

    @property
    def left_out(self) -> int:
        return self.town_count - len(self.towns)

    @property
    def page_url(self) -> str:
        return f"{get_script_prefix()}places/?{urlencode({'country': self.name})}"


def _compute(library_ids: Sequence[int]) -> Mapping[int, list[Spot]]:
    """Two queries: one walk over the index photo_places, and the covers."""
    rows = list(
        shown_in(library_ids)
        .exclude(country="")
        .order_by()
        # In the order of the index, or all rows are sorted.
        .values_list("country", "region", "city", "library_id")
        .annotate(count=Count("id"), newest=Max("id"))
    )
    covers = Photo.objects.only("id", "digest", "colour").in_bulk([row[-1] for row in rows])
    spots: dict[int, list[Spot]] = {pk: [] for pk in library_ids}
    for country, region, city, library_id, count, newest in rows:
        cover = covers.get(newest) or Photo(pk=newest)  # deleted since: then there is no picture
        spots[library_id].append(Spot(country, region, city, count, cover))
    return spots


_kept: Kept[list[Spot]] = Kept(_compute)


def countries(viewer: Viewer, only: str = "") -> list[Country]:
    """All countries with photos that the viewer sees, those with the most photos first; or `only` one, more fully.

    No query but that for the viewer's libraries, unless photos changed: then three.
    """
    by_country: dict[str, dict[tuple[str, str], list[Spot]]] = defaultdict(lambda: defaultdict(list))
    for spot in spots(viewer):
        if not only or spot.country == only:
            by_country[spot.country][spot.region, spot.city].append(spot)
    made = []
    for name, found in by_country.items():
        ranked = sorted((-sum(spot.count for spot in group), names_) for names_, group in found.items())
        towns = [_town(found[names_], -minus) for minus, names_ in ranked[: MANY if only else FEW]]
        count = -sum(minus for minus, _ in ranked)
        made.append(Country(name, search_url(name), count, towns, len(ranked)))
    return sorted(made, key=lambda country: (-country.count, country.name))


def spots(viewer: Viewer) -> list[Spot]:
    return [spot for found in _kept.of(viewer) for spot in found]


def _town(group: Sequence[Spot], count: int) -> Town:
    """One town of several libraries, with the newest of their covers."""
    newest = group[0] if len(group) == 1 else max(group, key=lambda spot: spot.cover.pk)
    country, region, city = newest.names
    cover = newest.cover
    around = f"{region} · " if city and region not in {"", city} else ""
    return Town(
        name=city or (f"Elsewhere in {region}" if region else "In the country"),
        about=f"{around}{count:,} photo{'' if count == 1 else 's'}",
        # What lies outside of all cities can only be searched for with the whole region.
        url=search_url(places.title(city, region, country)),
        count=count,
        cover_url=thumbnail_url(cover, "small") if cover.digest else "",
        tint=quantise.tint_class(cover.colour),
    )


def search_url(title: str) -> str:
    # Not `reverse`: a page of places asks for hundreds.
    return f"{get_script_prefix()}search/?{_encoded(title)}"


@lru_cache(maxsize=4096)
def _encoded(title: str) -> str:
    return urlencode({"place": title})


def titles(viewer: Viewer) -> list[str]:
    """What the search form suggests: countries, regions and cities, with what they lie in, in order of the alphabet."""
    return sorted({title for spot in spots(viewer) for title in _titles(*spot.names)})


def _titles(country: str, region: str, city: str) -> list[str]:
    found = [country]
    if region:
        found.append(places.title("", region, country))
    if city:
        found.append(places.title(city, region, country))
    return found


def names(viewer: Viewer) -> list[str]:
    """Single names of countries, regions and cities, for recognizing them among words."""
    return sorted({name for spot in spots(viewer) for name in spot.names if name})


def condition(viewer: Viewer, text: str) -> Q:
    """Photos of the place that `text` names, in any case and without accents: "munich", "Bavaria, Germany".

    The parts, from small to large, must be names of one place among those of the viewer's photos; some may be left out.
    """
    wanted = [part for part in (fold(part).strip() for part in text.split(",")) if part]
    if not wanted:
        return Q(pk__in=[])
    countries_, regions, cities = set(), set(), set()
    for spot in spots(viewer):
        # The place that is meant is the smallest that is named.
        match _meant(wanted, [fold(name) for name in (spot.city, spot.region, spot.country)]):
            case 0:
                cities.add(spot.names)
            case 1:
                regions.add((spot.country, spot.region))
            case 2:
                countries_.add(spot.country)
    found = Q(pk__in=[])
    for country in countries_:
        found |= Q(country=country)
    for country, region in regions:
        found |= Q(country=country, region=region)
    for country, region, city in cities:
        found |= Q(country=country, region=region, city=city)
    # With this the database may use the index photo_places, which leaves out photos without a place.
    return found & ~Q(country="")


def _meant(wanted: Sequence[str], names_: Sequence[str]) -> int | None:
    """Which of the names (0: city, 1: region, 2: country) the first wanted part is, if the others follow in order."""
    level, first = 0, None
    for part in wanted:
        while level < len(names_) and names_[level] != part:
            level += 1
        if level == len(names_):
            return None
        first = level if first is None else first
        level += 1
    return first
