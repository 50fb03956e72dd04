"""Networks and their mathematics: plain modules built from frozen configs, without any host."""
