"""tpcharness: probes third-party copies between storages and names who is at fault."""

__version__ = "0.1.0"
