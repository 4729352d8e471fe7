"""The media pods' side: requests to their control ports, and what they last said."""
