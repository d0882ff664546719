"""Which peer a person means: by id, by the beginning of the id or its check groups, or by name."""

from collections.abc import Mapping
from typing import Final

from ..errors import InvalidError
from ..model import PeerView

MIN_PREFIX: Final = 4
"""Characters of a peer id that may stand for it."""


def find_peer(peers: Mapping[str, PeerView], text: str) -> PeerView:
    """Return the one peer that *text* means.

    A name that is also the beginning of another peer's id means neither: names are chosen by the
    peers themselves, so none may take another's place.

    Raises:
        InvalidError: ``unknown_peer``, ``ambiguous_peer``.

    """
    wanted = text.strip()
    compact = wanted.lower().replace("-", "")
    if (exact := peers.get(compact)) is not None:
        return exact
    found = [
        view
        for view in peers.values()
        if view.name.casefold() == wanted.casefold()
        or view.check_groups.replace("-", "").lower() == compact
        or (len(compact) >= MIN_PREFIX and view.peer_id.startswith(compact))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(view.peer_id for view in found))
        raise InvalidError(
            "ambiguous_peer", f"“{text}” may mean several peers; use an id: {ids}.", peer=text
        )
    known = ", ".join(sorted(view.name for view in peers.values())) or "nobody yet"
    raise InvalidError(
        "unknown_peer",
        f"No member of the mesh is called “{text}” or has such an id; known: {known}.",
        peer=text,
    )
