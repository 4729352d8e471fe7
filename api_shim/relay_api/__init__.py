"""The front door: REST, tokens, signalling gateway and the join page."""
