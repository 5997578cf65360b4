-- The few tickets on which a misuse of a line is recorded (SMS-05).
CREATE INDEX tickets_misused ON tickets (id)
    WHERE details -> 'particulars' -> 'misuse' IS NOT NULL;
