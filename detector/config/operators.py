"""Who may do what at the command line."""

from typing import Annotated

from detector.config.values import Section, shaped

Member = Annotated[str, shaped(r"@?[^\s@]\S*", "a login of this host, or a group written @name")]


class Operators(Section):
    """Logins of this host, or its groups as `@group`. With nobody named, everybody who can open the records decides."""

    admin: tuple[Member, ...] = ()
    operator: tuple[Member, ...] = ()
    viewer: tuple[Member, ...] = ()
