"""RTP and RTCP as bytes: parsing, building and rewriting in place. No I/O, no clock, no state.

Every parser takes arbitrary bytes and raises :class:`FormatError` and nothing else.
"""
