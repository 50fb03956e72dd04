"""The pack's own host: runs saved workflow JSON in this process, without ComfyUI."""
