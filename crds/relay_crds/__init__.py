"""The four objects of Relay as frozen Python models; standard library only."""
