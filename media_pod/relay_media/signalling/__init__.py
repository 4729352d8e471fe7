"""The participants' side of the pod: the signalling protocol over WebSocket."""
