"""The pack's own host, which runs saved workflow JSON in this process, without ComfyUI."""
