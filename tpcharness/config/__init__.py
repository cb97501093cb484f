"""endpoints.toml as one typed value, or everything that is wrong with it at once.

`load.load_config` is the door: it reads, checks and settles where each value came from (`configuration.Config`).
Not here: opening connections, reading tokens, deciding what to probe (`engine` plans that).
Above: `assembly` and `cli`, which show the problems. Below: `model.settings`, whose values are what the file becomes.
"""
