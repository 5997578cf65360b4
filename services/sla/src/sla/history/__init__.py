"""Another help desk's exported history, turned into facts that promises can be counted on."""
