-- A small run as version 1 keeps it, for the test that later versions still read it. Never changed, only added to.
PRAGMA application_id = 1853317492;
PRAGMA user_version = 1;
INSERT INTO run VALUES(0, '5d9a3c1e-0000-4000-8000-000000000001', '2026-01-02T03:04:05Z', 1, 'limit');
INSERT INTO machine VALUES(0, 'machine', 'boot', 'Debian GNU/Linux 12 (bookworm)', '6.1.0', 'x86_64', 'a CPU', 2, NULL,
                           8000000000, NULL, NULL, 'hypervisor', 0);
INSERT INTO model VALUES(0, 'tiny.gguf', '', 'llama', 'Q8_0', 'tiny', 90000000, 1);
INSERT INTO campaign VALUES(0, 'c.toml', '# text', 'tiny.gguf', 3, 0.02, 8.0, 1);
INSERT INTO campaign_list VALUES('order', 0, 'throughput'), ('order', 1, 'idle'), ('idle_states', 0, 'loaded_idle'),
                                ('prompt', 0, 64), ('prompt', 1, 512), ('generate', 0, 16), ('depth', 0, 0),
                                ('concurrency', 0, 1);
INSERT INTO backend VALUES('campaign', 0, 'CPU polling', 'llama-server', '', '', '', '', 0, 600.0),
                          ('run', 0, 'CPU polling', 'llama-server', '', '', '', '', 0, 600.0);
INSERT INTO backend_argument VALUES('run', 0, 0, 'llama-server'), ('run', 0, 1, '-m'), ('run', 0, 2, '{model}');
INSERT INTO backend_environment VALUES('run', 0, 'OMP_WAIT_POLICY', 'active');
INSERT INTO backend_label VALUES('run', 0, 'device', 'cpu');
INSERT INTO backend_note VALUES('run', 0, 0, 'frozen: not_available');
INSERT INTO session VALUES(0, 'session', 'boot', 1000, 90000000000, 1700000000000000000, 0.25, '0.1.0', 'unknown');
INSERT INTO restart VALUES(1, 0, 0, 0, 2000, 3000, 80000000000, 'done', '');
INSERT INTO trial VALUES(1, 1, 'idle', 'loaded_idle', NULL, NULL, NULL, NULL, 10000, 8000010000, 1),
                        (2, 1, 'throughput', NULL, 0, 16, 0, 1, 9000000000, 9900000000, 1);
INSERT INTO trial_reason VALUES(1, 0, 'not_restarted');
INSERT INTO process_sample VALUES(1, 10000, 42, 777, 'llama-server', 5000, 1, 100000000, NULL);
INSERT INTO thread VALUES(1, 1, 42, 42, 'llama-server');
INSERT INTO thread_sample VALUES(1, 10000, 1000000000, 5, 6), (1, 1000010000, 2000000000, NULL, NULL);
INSERT INTO machine_sample VALUES(1, 10000, 1, 2, 3, 4, 1700000000000010000);
INSERT INTO request VALUES(2, 0, 0, 100, 200, 300, 400, 500, x'd00fd80401', 1, 0, 16, 0.001, 0.1, '');
