"""Commands of agents and requesters, carried out in one transaction each."""
