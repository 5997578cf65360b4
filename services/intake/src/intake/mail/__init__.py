"""Mail as data: parsing, headers, automatic replies, HTML to text. Pure."""
