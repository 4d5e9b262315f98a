-- Makes the tables for the tasks of a day that is {before} days before today.
DO $$
DECLARE
  day date := (now() AT TIME ZONE 'UTC')::date - {before};
  first text := lpad(to_hex((day - date '1970-01-01') * 86400000::bigint), 12, '0') || repeat('0', 20);
  until text := lpad(to_hex((day + 1 - date '1970-01-01') * 86400000::bigint), 12, '0') || repeat('0', 20);
  parent text;
  child text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['tasks', 'records'] LOOP
    child := parent || '_' || to_char(day, 'YYYYMMDD');
    EXECUTE format('CREATE TABLE tasker.%I (LIKE tasker.%I INCLUDING ALL)', child, parent);
    EXECUTE format(
      'ALTER TABLE tasker.%I ATTACH PARTITION tasker.%I FOR VALUES FROM (%L) TO (%L)',
      parent, child, first::uuid, until::uuid
    );
  END LOOP;
END $$;
