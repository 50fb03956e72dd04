"""Where the jobs of a batch come from: graphs, tables, sweeps and folders of files."""
