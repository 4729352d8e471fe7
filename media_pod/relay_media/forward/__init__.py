"""From a published stream to its subscribers: what is asked for, repaired and reported."""
