"""Where the position of a source is kept between runs."""
