"""When letters leave: in which wave, at which time of day, how many a day, until when; and what stops them. Pure."""
