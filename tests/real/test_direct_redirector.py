"""Direct transfers over WebDAV where a real XRootD 5.5.3 sends us on to its data server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.direct_bench import DOWNLOAD, UPLOAD, direct_bench
from tests.support.real_world import endpoint_of
from tests.support.real_xroot import real_xroot
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Variant
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.mark.parametrize("variant", [UPLOAD, DOWNLOAD])
@pytest.mark.parametrize("size", [1024, 5 * 1024 * 1024])
async def test_through_a_redirector(
    tmp_path: Path, authority: Authority, issuer: Issuer, variant: Variant, size: int
) -> None:
    async with real_xroot(authority, issuer) as xroot, direct_bench(tmp_path, issuer, authority.ca_file) as bench:
        endpoint = endpoint_of(await xroot.cluster("CLUSTER"))
        result = await bench.run(variant, endpoint, size)
        assert result.reason is Reason.OK, result
