"""Where bearer tokens come from: a file, a variable, WLCG discovery, an issuer's token endpoint.

Says which rights each role needs, asks for exactly those, and renews in time without asking again and again. It
does not verify signatures and does not judge what a storage makes of a token: that is the storage's part, and
`diagnosis` reads its answer. Speaks through `net`, reads claims with `wire`; `payload` and `probes` ask it.
"""
