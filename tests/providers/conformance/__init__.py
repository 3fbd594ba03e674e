"""What every provider must do, as classes of tests, one for each theme.

A provider's test module subclasses the themes, or `ProviderConformance` which is all of them, and gives a fixture
`harness`: the provider under test, and somebody who plays the phones and the other people.
"""

from tests.providers.conformance.acknowledging import Acknowledging
from tests.providers.conformance.ends import Endings, Ends
from tests.providers.conformance.harness import Harness
from tests.providers.conformance.incoming import Incoming
from tests.providers.conformance.logins import Logins
from tests.providers.conformance.lookups import Lookups
from tests.providers.conformance.sending import Sending
from tests.providers.conformance.talk import ADA, GRACE, LINUS, PATIENCE, collect, how_it_ends, shown, the_end, until

__all__ = [
    "ADA", "GRACE", "LINUS", "PATIENCE", "Acknowledging", "Endings", "Ends", "Harness", "Incoming", "Logins", "Lookups",
    "ProviderConformance", "Sending", "collect", "how_it_ends", "shown", "the_end", "until",
]  # fmt: skip


class ProviderConformance(Logins, Incoming, Acknowledging, Sending, Lookups, Ends):
    """All themes."""
