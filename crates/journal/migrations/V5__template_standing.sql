-- How operators have marked versions of templates, which whoever registers a version does not change.
--
-- template_retirements  versions that new tasks do not take.
-- template_defaults     for a template, the version that a task takes whose creation names none; without a row that is
--                       the highest release that is not retired.

CREATE TABLE tasker.template_retirements (
    namespace text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    marked_at timestamptz NOT NULL,
    marked_by text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (namespace, name, version),
    FOREIGN KEY (namespace, name, version) REFERENCES tasker.template_versions
);

CREATE TABLE tasker.template_defaults (
    namespace text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    marked_at timestamptz NOT NULL,
    marked_by text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (namespace, name),
    FOREIGN KEY (namespace, name, version) REFERENCES tasker.template_versions
);
