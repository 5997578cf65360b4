"""The scripts and styles of intake's own pages, each under an address that names its content."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web

_FOLDER: Final = Path(__file__).parent / "static"
_KINDS: Final = {".js": "text/javascript", ".css": "text/css"}


@lru_cache(maxsize=1)
def _files() -> dict[str, tuple[str, bytes]]:
    contents = {each.name: each.read_bytes() for each in sorted(_FOLDER.iterdir())}
    return {
        name: (hashlib.sha256(content).hexdigest()[:12], content)
        for name, content in contents.items()
        if Path(name).suffix in _KINDS
    }


def static_router(web: Web) -> APIRouter:
    """The route of the files; templates get their addresses by `own_file(name)`."""
    web.environment.globals["own_file"] = lambda name: f"/own/{_files()[name][0]}/{name}"
    router = APIRouter(include_in_schema=False)

    @router.get("/own/{version}/{name}")
    async def own_file(version: str, name: str) -> Response:
        known, content = _files().get(name, ("", b""))
        if not known or version != known:
            raise HttpProblem(404, "there is nothing here by that name")
        # The address stands for the content, so it never needs asking again.
        caching = {"cache-control": "public, max-age=31536000, immutable"}
        kind = _KINDS[Path(name).suffix]
        return Response(content, media_type=f"{kind}; charset=utf-8", headers=caching)

    return router
