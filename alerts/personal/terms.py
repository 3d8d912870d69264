"""How long what is about an appliance is kept: by its own jurisdiction's policy, all else by the installation's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select, true

from alerts.database import chunks, reading
from alerts.personal.places import Link, TablePlace
from alerts.personal.whose import column_of
from alerts.tables import ApplianceRow

_PAGE = 10_000
_OF_A_HOUSEHOLD = {Link.OWNER: ApplianceRow.owner_id, Link.APPLIANCE: ApplianceRow.id}


def jurisdictions(engine: Engine) -> list[str]:
    """Those that registered appliances name, in order, by steps through their index."""
    found: list[str] = []
    with reading(engine) as session:
        query = select(func.min(ApplianceRow.jurisdiction))
        while (one := session.scalar(query)) is not None:
            found.append(one)
            query = select(func.min(ApplianceRow.jurisdiction)).where(ApplianceRow.jurisdiction > one)
    return found


@dataclass(frozen=True, slots=True)
class Times:
    """When one kind of data is too old, ms UTC. `named`: by jurisdiction; `otherwise`: by the installation's policy,
    which is of who names none and of what nobody registered."""

    engine: Engine
    otherwise: int
    named: Mapping[str, int]

    @property
    def longest(self) -> int:
        """What is older goes, whoever it is of."""
        return min([self.otherwise, *self.named.values()])

    @property
    def shortest(self) -> int:
        """What is younger stays, whoever it is of."""
        return max([self.otherwise, *self.named.values()])

    def of(self, appliance_ids: Collection[str]) -> dict[str, int]:
        """For each of these."""
        found = dict.fromkeys(appliance_ids, self.otherwise)
        query = select(ApplianceRow.id, ApplianceRow.jurisdiction)
        with reading(self.engine) as session:
            for some in chunks(appliance_ids):
                for one, jurisdiction in session.execute(query.where(ApplianceRow.id.in_(some))):
                    found[one] = self.named.get(jurisdiction or "", self.otherwise)
        return found

    def groups(self) -> dict[int, frozenset[str]]:
        """By time, longest kept first, the jurisdictions that have another one than the installation."""
        found: defaultdict[int, set[str]] = defaultdict(set)
        for name, time in self.named.items():
            if time != self.otherwise:
                found[time].add(name)
        return {time: frozenset(found[time]) for time in sorted(found)}

    def registered(self, names: Collection[str]) -> Iterator[str]:
        """The ids of all appliances under these jurisdictions, a page in memory."""
        after = ""
        under = ApplianceRow.jurisdiction.in_(names)
        while True:
            query = select(ApplianceRow.id).where(under, ApplianceRow.id > after)
            with reading(self.engine) as session:
                page = session.scalars(query.order_by(ApplianceRow.id).limit(_PAGE)).all()
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1]


@dataclass(frozen=True, slots=True)
class Term:
    """Of the `chosen` rows those go that are older than `before`, ms UTC."""

    before: int
    chosen: ColumnElement[bool]


def terms(place: TablePlace, times: Times) -> list[Term]:
    """One for each time; together they choose every row once.

    Rows of an owner with appliances under several policies are kept for the longest. What hangs on a ticket goes after
    it, so the ticket's time is its own. Of what only names somebody in its text nobody can tell whose it is: it goes
    when it is too old for anybody. The audit log is one chain, and is kept for the longest.
    """
    groups = times.groups()
    match place.link:
        case Link.TICKET | Link.TEXT:
            return [Term(times.shortest, true())]
        case Link.ENTRY:
            return [Term(times.longest, true())]
        case Link.APPLIANCE if groups:
            every = [name for names in groups.values() for name in names]
            own = [Term(time, _is_of(place, _under(names))) for time, names in groups.items()]
            return [*own, Term(times.otherwise, ~_is_of(place, _under(every)))]
        case Link.OWNER if groups:
            return _of_owners(place, times, groups)
    return [Term(times.otherwise, true())]


def _of_owners(place: TablePlace, times: Times, groups: Mapping[int, Collection[str]]) -> list[Term]:
    every = [name for names in groups.values() for name in names]
    unnamed = or_(ApplianceRow.jurisdiction.is_(None), ApplianceRow.jurisdiction.not_in(every))
    conditions = {time: _under(names) for time, names in groups.items()} | {times.otherwise: unnamed}
    found: list[Term] = []
    longer: ColumnElement[bool] | None = None
    for time in sorted(conditions):
        mine = _is_of(place, conditions[time])
        found.append(Term(time, mine if longer is None else and_(mine, ~longer)))
        longer = mine if longer is None else or_(longer, mine)
    assert longer is not None
    return [*found, Term(times.otherwise, ~longer)]


def _under(names: Collection[str]) -> ColumnElement[bool]:
    return ApplianceRow.jurisdiction.in_(names)


def _is_of(place: TablePlace, under: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the row is about who has an appliance of this sort."""
    theirs = _OF_A_HOUSEHOLD[place.link] == column_of(place, place.column)
    return select(ApplianceRow.id).where(theirs, under).exists()


Before = Callable[[str | None], int]
"""What is older than this, ms UTC, goes under a jurisdiction's policy; None is the installation's."""


def times(engine: Engine, used: Collection[str], before: Before) -> Times:
    """Of `used` jurisdictions, for one kind of data."""
    return Times(engine, before(None), {one: before(one) for one in used})
