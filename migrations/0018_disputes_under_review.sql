-- What the simulated bank has to decide about.

CREATE INDEX disputes_under_review ON disputes (submitted_at) WHERE status = 'under_review';
