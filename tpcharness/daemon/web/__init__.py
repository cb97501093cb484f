"""What people and programs see of the running service over HTTP: pages, `/api/v1`, health, metrics, one probe now.

It reads `daemon.running` and decides nothing; whatever starts work asks for a user first. `app` lists all routes,
`guards` and `doorkeeper` stand before them, `sight` is the one look at the matrix that all pages share. The words
and the looks are those of the HTML report (`export.standing`, `export/assets`).
"""
