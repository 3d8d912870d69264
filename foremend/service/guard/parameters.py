"""A parameter that a route does not know is refused: it would be taken for a filter that was applied."""

from __future__ import annotations

import difflib

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from foremend.service.guard.problems import Problem


def only_known_parameters(request: Request) -> None:
    """Raises Problem 422 with the parameter that was probably meant, and for one that comes twice.

    No route takes lists: one of the two would be passed over. Health and metrics take whatever a probe adds.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.path.startswith("/api/"):
        return
    known = sorted(_known(route.dependant))
    for name in request.query_params:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            there = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(known) or 'none'}"
            raise Problem(422, f"{request.url.path} has no parameter {name[:60]!r}: {there}")
        if len(request.query_params.getlist(name)) > 1:
            raise Problem(422, f"parameter {name!r} comes twice: ask once for each value")


def _known(dependant: Dependant) -> set[str]:
    names = {one.alias for one in dependant.query_params}
    return names.union(*(_known(one) for one in dependant.dependencies))
