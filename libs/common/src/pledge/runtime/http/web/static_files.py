"""Scripts and styles of a folder, each served under an address that changes with its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from pledge.runtime.http.problems import HttpProblem

_KINDS = {".css": "text/css", ".js": "text/javascript"}
# The address stands for the content, so it never needs asking again.
_CACHING = {"cache-control": "public, max-age=31536000, immutable"}


class StaticFiles:
    """The scripts and styles of `folder` as they are now, below `prefix`; include `router`."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._prefix = prefix
        self._public: dict[str, str] = {}
        self._served: dict[str, tuple[bytes, str]] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix in _KINDS:
                content = path.read_bytes()
                digest = hashlib.sha256(content).hexdigest()[:12]
                public = f"{path.stem}.{digest}{path.suffix}"
                self._public[path.name] = public
                self._served[public] = content, f"{_KINDS[path.suffix]}; charset=utf-8"
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route(f"{prefix}/{{name}}", self._serve, methods=["GET"])

    def address(self, name: str) -> str:
        """The path of the file that is called `name` in the folder. KeyError if there is none."""
        return f"{self._prefix}/{self._public[name]}"

    async def _serve(self, name: str) -> Response:
        found = self._served.get(name)
        if found is None:
            raise HttpProblem(404, "there is nothing here by that name")
        content, kind = found
        return Response(content, media_type=kind, headers=_CACHING)
