"""vMix over its TCP API, and over HTTP where that is all there is."""
