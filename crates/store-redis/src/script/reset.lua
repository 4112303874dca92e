-- Forgets what a subject has used under some rules. What nodes have reported stays, so that a report that is sent
-- again does not count again.
--
-- Arguments: the rules. Answer: the time, and how many records were repaired.
--@ rule
--@ read
--@ forget
return { clock[1], clock[2], repaired }
