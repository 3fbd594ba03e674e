"""What may be chosen on the command line."""

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Sizes of a run.

    Attributes:
        quick: small sizes and short times: a look whether everything works, no figures.
        accounts: instead of a section's own number.
        rates: messages a second, instead of the section's own.
        seconds: of load at each rate.
        minutes: of soaking.
        database: `mariadb`, `mysql` or `sqlite` alone.
        stored: messages that are stored for a second look at what one costs, and four times as many for a third.
        stages: tell also between which points the messages of a load spend their time.
    """

    quick: bool = False
    accounts: int | None = None
    rates: tuple[int, ...] = ()
    seconds: float | None = None
    minutes: float | None = None
    database: str | None = None
    stored: int | None = None
    stages: bool = False

    def size(self, normal: int, *, quick: int) -> int:
        """How many accounts."""
        return self.accounts or (quick if self.quick else normal)

    def sizes(self, normal: tuple[int, ...], *, quick: tuple[int, ...]) -> tuple[int, ...]:
        """How many accounts, in turn."""
        return (self.accounts,) if self.accounts else (quick if self.quick else normal)
