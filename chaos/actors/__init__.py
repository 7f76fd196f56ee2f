"""Who acts in a run: the generator asks for changes, the nemesis breaks things by strikes of its own and of the vendor."""
