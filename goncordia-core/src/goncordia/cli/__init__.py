"""The command line `goncordia`; its libraries come with the extra `goncordia-core[cli]`."""
