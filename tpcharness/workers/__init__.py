"""Child processes for libraries that block or crash: gfal2, which often exists for another Python than ours only.

Not a place that judges: it says how a job ended, or that its worker was lost. `gfal_script` is what the children run:
standard library and gfal2, any Python from 3.6 on, and nothing of this package. On the floor of `net`; `probes` ask.
"""
