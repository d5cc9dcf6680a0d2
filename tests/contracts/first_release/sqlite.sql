BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE audit (
	number INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "audit" VALUES(1,100.0,'detector','open','aaaa1111','ann@example.org','573b3ffa93d3a094eb977aad92b78a197f5f93530ef466277389d023aa5316bd');
INSERT INTO "audit" VALUES(2,102.0,'detector','change_password','aaaa1111','ann@example.org: passwd-file','46bd3fc1903e8a2405e6b6ec921c50393933888071c57680b18f3688d96c2451');
INSERT INTO "audit" VALUES(3,103.0,'detector','steps_done','aaaa1111','','e5f59b97dbda4cc09ed994f93066f1882babb980d89e9ae502fea1ffed28167f');
INSERT INTO "audit" VALUES(4,200.0,'olga','confirm','aaaa1111','customer found malware','6cba36c6006fe4241e4ba75358bad81e95ad2121bffee88dfeb06472a6e3572f');
INSERT INTO "audit" VALUES(5,300.0,'olga','release','aaaa1111','cleaned','2b5ab3e647d8be032fafb84f4626e1127f79f285fbe6f3ef75c8ae28b9aaf9fe');
INSERT INTO "audit" VALUES(6,400.0,'detector','open','bbbb2222','EXAMPLE\u005cbob\udcff','a6ac82665be734115268bff008fdf8a422be7222a744e9c3d3b1b73c154506e1');
INSERT INTO "audit" VALUES(7,500.0,'detector','open','cccc3333','cleo@example.org','f746dc30f0176bbd7ace4bd8624f48e05b8c118b8b487a8976e9cc9a35bf4d7b');
INSERT INTO "audit" VALUES(8,600.0,'olga','dismiss','cccc3333','newsletter','397cbc94d6b1a0241d9521fd9e3e18619b1f5a08342ebfc6d55231e9dba2a2e0');
INSERT INTO "audit" VALUES(9,700.0,'olga','exempt','dan@example.org','until 2255-03-14 16:00:00 UTC: list server','6bdcacb0ac4ad39ce0eecbedb3d688596b44ebec794e2d6a603889ccf26d2096');
INSERT INTO "audit" VALUES(10,800.0,'olga','look at account','ann@example.org','','838b46bd686b0b5b64ef0ddc4015e204c01f0efe42f7e00d885f58b71f7f8e85');
CREATE TABLE counters (
	changes INTEGER NOT NULL, 
	audit_entries INTEGER NOT NULL, 
	audit_hash TEXT NOT NULL, 
	PRIMARY KEY (changes)
);
INSERT INTO "counters" VALUES(12,10,'838b46bd686b0b5b64ef0ddc4015e204c01f0efe42f7e00d885f58b71f7f8e85');
CREATE TABLE exemptions (
	account TEXT NOT NULL, 
	until DOUBLE, 
	actor TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (account)
);
INSERT INTO "exemptions" VALUES('dan@example.org',9000000000.0,'olga','list server');
CREATE TABLE forgiveness (
	sequence INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (sequence)
);
INSERT INTO "forgiveness" VALUES(6,'ann@example.org',300.0);
INSERT INTO "forgiveness" VALUES(9,'cleo@example.org',600.0);
CREATE TABLE incidents (
	incident_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	trusted BOOLEAN NOT NULL, 
	state TEXT NOT NULL, 
	opened_at DOUBLE NOT NULL, 
	changed_at DOUBLE NOT NULL, 
	verdict TEXT NOT NULL, 
	transaction_id TEXT NOT NULL, 
	facts TEXT NOT NULL, 
	PRIMARY KEY (incident_id)
);
INSERT INTO "incidents" VALUES('aaaa1111','ann@example.org',1,'closed',100.0,300.0,'{"action": "block", "score": 12.25, "groups": [{"group": "bulk", "nats": 12.25, "evidence": [{"group": "bulk", "signal": "recipients_per_hour", "value": 480.0, "expected": 12.5, "nats": 12.25}]}], "policy_version": "policy-1", "model_version": "model-1"}','t-aaaa1111','{"client": "192.0.2.77", "subject": "\u00dcbung"}');
INSERT INTO "incidents" VALUES('bbbb2222','EXAMPLE\u005cbob\udcff',1,'open',400.0,400.0,'{"action": "block", "score": 12.25, "groups": [{"group": "bulk", "nats": 12.25, "evidence": [{"group": "bulk", "signal": "recipients_per_hour", "value": 480.0, "expected": 12.5, "nats": 12.25}]}], "policy_version": "policy-1", "model_version": "model-1"}','t-bbbb2222','{"client": "192.0.2.77", "subject": "\u00dcbung"}');
INSERT INTO "incidents" VALUES('cccc3333','cleo@example.org',1,'closed',500.0,600.0,'{"action": "block", "score": 12.25, "groups": [{"group": "bulk", "nats": 12.25, "evidence": [{"group": "bulk", "signal": "recipients_per_hour", "value": 480.0, "expected": 12.5, "nats": 12.25}]}], "policy_version": "policy-1", "model_version": "model-1"}','t-cccc3333','{"client": "192.0.2.77", "subject": "\u00dcbung"}');
CREATE TABLE password_changes (
	incident_id TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (incident_id), 
	FOREIGN KEY(incident_id) REFERENCES incidents (incident_id)
);
INSERT INTO "password_changes" VALUES('aaaa1111',101.0);
CREATE TABLE strikes (
	incident_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (incident_id), 
	FOREIGN KEY(incident_id) REFERENCES incidents (incident_id)
);
INSERT INTO "strikes" VALUES('aaaa1111','ann@example.org',200.0);
CREATE TABLE timeline (
	number INTEGER NOT NULL, 
	incident_id TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	event TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (number), 
	FOREIGN KEY(incident_id) REFERENCES incidents (incident_id)
);
INSERT INTO "timeline" VALUES(1,'aaaa1111',100.0,'detector','opened','');
INSERT INTO "timeline" VALUES(2,'aaaa1111',102.0,'detector','change_password: done','passwd-file');
INSERT INTO "timeline" VALUES(3,'aaaa1111',103.0,'detector','steps_done','');
INSERT INTO "timeline" VALUES(4,'aaaa1111',200.0,'olga','confirm','customer found malware');
INSERT INTO "timeline" VALUES(5,'aaaa1111',300.0,'olga','release','cleaned');
INSERT INTO "timeline" VALUES(6,'bbbb2222',400.0,'detector','opened','');
INSERT INTO "timeline" VALUES(7,'cccc3333',500.0,'detector','opened','');
INSERT INTO "timeline" VALUES(8,'cccc3333',600.0,'olga','dismiss','newsletter');
CREATE TABLE verdicts (
	number INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	transaction_id TEXT NOT NULL, 
	identity_source TEXT NOT NULL, 
	client TEXT NOT NULL, 
	recipients TEXT NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	verdict TEXT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "verdicts" VALUES(1,'ann@example.org',99.5,'t-1','policy-service','192.0.2.77','{"accepted": 1, "refused": 1}',2048,'{"action": "block", "score": 12.25, "groups": [{"group": "bulk", "nats": 12.25, "evidence": [{"group": "bulk", "signal": "recipients_per_hour", "value": 480.0, "expected": 12.5, "nats": 12.25}]}], "policy_version": "policy-1", "model_version": "model-1"}');
CREATE UNIQUE INDEX one_incident_per_account ON incidents (account) WHERE state != 'closed';
CREATE INDEX incidents_by_time ON incidents (opened_at);
CREATE INDEX ix_timeline_incident_id ON timeline (incident_id);
CREATE INDEX ix_strikes_account ON strikes (account);
CREATE INDEX ix_password_changes_at ON password_changes (at);
CREATE INDEX ix_verdicts_at ON verdicts (at);
CREATE INDEX verdicts_by_account ON verdicts (account, at);
COMMIT;
