"""The yardstick: aiohttp alone, with its own defaults, reading each answer to its end and looking for the verdict."""

from __future__ import annotations

import ssl

import aiohttp

from bench.load import Load, Spent, drive, plain_headers, run


async def spend(load: Load) -> Spent:
    """The least that a loop over aiohttp can do."""
    context = ssl.create_default_context(cafile=load.ca_file)
    headers, base = plain_headers(), load.base
    connector = aiohttp.TCPConnector(limit=0, ssl=context, force_close=not load.reuse)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def exchange(number: int) -> bool:
            try:
                async with session.request("COPY", f"{base}/{number}", headers=headers) as response:
                    body = b""
                    async for chunk in response.content.iter_any():
                        body += chunk
            except (aiohttp.ClientError, OSError):
                return False
            return response.status == 202 and body.rpartition(b"\n")[2].startswith(b"success")

        return await drive(load, exchange)


if __name__ == "__main__":
    run(spend)
