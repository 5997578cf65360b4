-- The plan that a customer was given by an agent (INF-07). It holds for new tickets while the
-- desk's file still says what it said then: a file that was changed since is the newer word.
CREATE TABLE customer_plans (
    desk      text        NOT NULL,
    customer  text        NOT NULL,
    plan      text        NOT NULL,
    file_plan text,
    since     timestamptz NOT NULL,
    PRIMARY KEY (desk, customer)
);
