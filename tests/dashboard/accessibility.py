"""axe-core, which looks for faults that keep people out."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

__all__ = ["serious_faults"]

_AXE: Final = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"


def serious_faults(page: Page) -> list[str]:
    """What is wrong with a page as it is shown now, and where: what axe-core calls serious or critical."""
    # Not as a script element: the page's policy would refuse it, rightly.
    page.evaluate(_AXE.read_text())
    found: Any = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{page.url}: {one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
