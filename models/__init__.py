"""Networks and their mathematics: plain modules built from frozen configs, knowing no host."""
