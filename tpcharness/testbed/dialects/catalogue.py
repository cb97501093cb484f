"""All dialects by name."""

from __future__ import annotations

from tpcharness.testbed.dialects.dcache import Dcache
from tpcharness.testbed.dialects.dialect import Dialect
from tpcharness.testbed.dialects.dpm import Dpm
from tpcharness.testbed.dialects.eos import Eos
from tpcharness.testbed.dialects.pelican import Pelican
from tpcharness.testbed.dialects.storm import Storm
from tpcharness.testbed.dialects.xrootd5 import Xrootd5
from tpcharness.testbed.dialects.xrootd6 import Xrootd6
from tpcharness.testbed.words import no_such

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (Dcache(), Xrootd5(), Xrootd6(), Storm(), Eos(), Dpm(), Pelican())
}


def dialect(name: str) -> Dialect:
    """Raises ValueError that names the nearest, or those there are."""
    try:
        return DIALECTS[name]
    except KeyError:
        raise ValueError(no_such("dialect", name, DIALECTS)) from None
