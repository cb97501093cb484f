-- A history of version 1, as that version has written it (sqlite3 .dump). Never changed.
BEGIN TRANSACTION;
CREATE TABLE counter (
	family VARCHAR(80) NOT NULL, 
	labels TEXT NOT NULL, 
	value DOUBLE NOT NULL, 
	PRIMARY KEY (family, labels)
);
INSERT INTO "counter" VALUES('tpcharness_endpoint_probes_total','["SITE-A", "source", "https-pull", "ok"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-A", "source", "https-pull", "queued"]',0.001);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-A", "source", "https-pull", "queued"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-A", "source", "https-pull", "token"]',0.012346);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-A", "source", "https-pull", "token"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-A", "source", "https-pull", "request"]',0.08);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-A", "source", "https-pull", "request"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-A", "source", "https-pull", "transfer"]',0.3);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-A", "source", "https-pull", "transfer"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_probes_total','["SITE-B", "destination", "https-pull", "ok"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-B", "destination", "https-pull", "queued"]',0.001);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-B", "destination", "https-pull", "queued"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-B", "destination", "https-pull", "token"]',0.012346);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-B", "destination", "https-pull", "token"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-B", "destination", "https-pull", "request"]',0.08);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-B", "destination", "https-pull", "request"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-B", "destination", "https-pull", "transfer"]',0.3);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-B", "destination", "https-pull", "transfer"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_transfer_bytes_total','["SITE-A", "SITE-B", "https-pull"]',1048576.0);
INSERT INTO "counter" VALUES('tpcharness_transfer_seconds_total','["SITE-A", "SITE-B", "https-pull"]',0.3);
INSERT INTO "counter" VALUES('tpcharness_endpoint_probes_total','["SITE-B", "source", "https-pull", "failure"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_failures_total','["SITE-B", "source", "https-pull", "forbidden"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-B", "source", "https-pull", "queued"]',0.001);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-B", "source", "https-pull", "queued"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-B", "source", "https-pull", "token"]',0.012346);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-B", "source", "https-pull", "token"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-B", "source", "https-pull", "request"]',0.08);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-B", "source", "https-pull", "request"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-B", "source", "https-pull", "transfer"]',0.3);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-B", "source", "https-pull", "transfer"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_probes_total','["SITE-A", "destination", "https-pull", "failure"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_failures_total','["SITE-A", "destination", "https-pull", "forbidden"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_blamed_total','["SITE-A", "https-pull", "forbidden"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-A", "destination", "https-pull", "queued"]',0.001);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-A", "destination", "https-pull", "queued"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-A", "destination", "https-pull", "token"]',0.012346);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-A", "destination", "https-pull", "token"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-A", "destination", "https-pull", "request"]',0.08);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-A", "destination", "https-pull", "request"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_sum','["SITE-A", "destination", "https-pull", "transfer"]',0.3);
INSERT INTO "counter" VALUES('tpcharness_endpoint_phase_seconds_count','["SITE-A", "destination", "https-pull", "transfer"]',1.0);
INSERT INTO "counter" VALUES('tpcharness_endpoint_probes_total','["SITE-A", "destination", "door", "ok"]',1.0);
CREATE TABLE endpoint (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "endpoint" VALUES(1,'SITE-A');
INSERT INTO "endpoint" VALUES(2,'SITE-B');
CREATE TABLE evidence (
	result INTEGER NOT NULL, 
	started BIGINT NOT NULL, 
	document BLOB NOT NULL, 
	PRIMARY KEY (result)
);
INSERT INTO "evidence" VALUES(1,1795348800250000,X'789C75544D6FDB300CFD2B81CE89BFD2246D300CE8BA1D76DAB0F6B02D080C45A6632DB6E451729AB6E87F1FA9C4E95CB4412EFC30F5F8F8C827819DC9752196025331162DDA0D1CED3621DB759B3FA0BC583E899D36ECAEB5D971C076A880ECDBAF775F26D7E429C0796DA4D7D6F4EE4FE2792CF612B534544254DEB76ED27675CD05F423E49B070F4E2CD3E4E272B69893D34BF450E492D3B3249B4FD27492657769B64C12FA47D92CA1DF6FFA5E7A0F4D4B79E958D8CE2BDB301ACBD810A40B2082A56C4191847AABA4E39C3DA02E1F28B2A965F8C8D88D2DD8216B0FC82DEC19D56A3D16950EC829762FD168B3653F7D306A24EE0047A5C5D162E4C4FA54DE31537F3BE880B84AA2242174DEEEC0042BCDA61773C64719CE07D725C5511A5702B23D25C25E93D2C77307CA9AC2853C725768BB6DD57654687A7135CB66D3681A7E63714417C028DB710BD9A96EAE6AA91B4677AE5F6A743E8CE2FF1708786DCD9670E64ED760D4209A71178DA54FC865482134F5408D57ED32BDCA224A89D2657679998835F5248B02C1B9BC948DAE1F8851DDEE2F783815A89DEB1A462AEBAD45ED2B3228BF069C6694018796CA336091C87493A96941DE92BA7AE50A63D5249E0DD72F344367FDC15E170C9F9F8083AA243745509FCE82E8E741BC81AF2CD7BDF9F6FD17D91DD6BD6E9771ECB487C92682836CDA1A42737121BD8C7D4B65D15083F1212E892D711E725E812CC228562B717B5C9AF1B0A21C567440CDAEC72B71DD1118D48FC7951A8B0F0885642A3E8AF53AEC8AEFA82EAD496FE41E0E2CD76BA5A065CE2800B86769899F3FACF59FE359B48878D12BDB1E49A82C2B51BCD19B7879639A2CDE2F759A2D05FAC12F048B47F5B7A0EFB6B5B68EDE2291C67406F25E9278DD718F668060F8B078269E78B7731A3C607B5A6540B4D887C3761EA9405BB31CEE49843C24ED5C175EE8F16BD9F490228BDBF8E53EE6A4A48A32676526194F57E8A3E456EF88870F8653B6E5F79CB728B71029BA5B1E9643359DCF2BED814616EEABBB980DEE62E8A80EC78BA4AFF9A9068C3F11F2743EDB2B51DC485ABEF88AC635673483F3BD1ACE986B29E27597DBB274E05F2E81A163FEFC0FFC4F0090');
INSERT INTO "evidence" VALUES(2,1795348800250000,X'789C7D54DB6E133110FD95C82FBC247B4BDB941542E22AF104021E80285A39F66CD6C46B2FBE84B455FF9D99CD6ED2404B1429998BC7E778CECC1D73D1544AB292B99C4D59E7EC1A0E7647B68FEB9F20022BEFD85619726B65B614B0D10940FBCB87AFEF66AFD123C107657850D68CEE57EC7ECA76DC296EB0046B42E8FCAC8B5A5301750BD5FA268067659E5D5C5F2EAED019B80B202B4EE945565CCDF27C56145FF3A2CC32FC26C565869F1F789E87006D8779F994D918846D094DCD958E0E30EE80FB1E496DDD5A4909069DC24ACCBACC0B64DA704F271CFC8A881C836BCDFB1A0F89E03D3A80236B47489777A7C2D1F0181A3041098EA01F5450DE4770EC7E35658DEAA963DE24D82D98677E7288E2CFC4D8306979D7819CF030A19CF3BB7F736794D9D0BDCC584C755B3C8884268B8967AB8184A7EE20898818CA2CC9327C91FEAEDECA8BF9C5D5F448935CD71877DCF81A31A23DC7260D8D30D89B53B0F220AC91277FE36CDC345D0CA3E780A807206C24A6C550AB129AAB96101D9B5B2BE743DFF253E12C41B0DA9A0D62ABBCD260C459B420E4ADC523E832A8447C98FE3982E8CAFC7991604A9297C5F575C656C8834BE9C0FBAAE6ADD237D48A6E77418D6F406C7D6C0929D71BEB5468D0C07C0D6E5E6006EC3B2C4F80195A35B219FEEEC0A95AA128D754CF5803A46AD8294960A920EC45C38942AF8F7F85D542682C557BF3F1D377B4A3D3E3349469EA5580194F60CFDB4E434F25953CF0347458D619A493EED31ADF861DDB5835C065FFF0CB25FB7218C5E97F2B7A406AABE992BD42CD22FDDB51632F1C484EC45FB2D5AA9FC010B1EE45361F8D2AC09E34FCFEC12079703B520FFBF6D9DAF036BD4C1609ED8BC6768757682C898D3D02859D2E99678BA74B0DADC4C0D8E70523AD8871C58C743B6B75F21867ECD311C85349EC6FCA239A3304E717F783BDB6F2A6C2CE83A3257418CF2070DC37FD48D32F0DEAB00A5030CE59371EEEC773582756935A7EA322A98743FE899DE2ED0838B16E939E967285426B06A451AA831A97D443613BAAE983757C0389C09515A03C13D441F1CA8D53DFA3D20489C648D1752DAEB681F2DD71DF2F997CC3719AD2E7D8902BDA41677B7F79DE45AA25F0E5B695AD6B0FE17CA3DCFF01A3BD22CC');
INSERT INTO "evidence" VALUES(3,1795348800250000,X'789C6D53DB8ED33010FD15E4E7A64DB2B02C91784015424808216D79618522279E34A68E278C9DD252F5DF9971D35D6E511E3C579F39737C5234F9DA1A55292AD4428D840D5CECB1643B4CCD3768A3AA4E6A67BDB8C19B11AD8F1C7C3C56EAFEFDE66DF6469D176AAFC9EAE43388242DEC4FA89B6384A0AA222F9FB3276A8A606A2D59655EDE66459195E5A628AB3CE77F59BEC8F9FBC2C53A461846CE2B160AA7D8E2005C833B0E11E880FE6AB5683892F304BD0E92B307B2DD91238DD3A9C86383461CDA4520AFA3DD0BA487AF0BD55F86E0D80F4DDEFAEDEC4FBDF87CE2B9E609FCE4DC4245D23E7440758016BD79F2F784D3B61FA778F50C9A7640D283214E724D3EF7AA5BA7ED00E69AD9590A3111F57757877E0B1C0BD6816FFF09130CC845ECF3BC2A8B3EA167C8DA188210EA4E0FD61D79403BEE6F85AB1EDA5D980601A5DD16C9C69E0DCE774037B276388CDC4AB009291D039F8F8955CBBB6B8E89520FB273D85B23C8A4211CDA5E0B5E06717ADC06C1F78947E00E03C41EA5DBA7CF1B3627727CEE631C43B55A051B21D34B38E8617450957777F9EA90769DCAEB1EB4496CCA76584671E273991757A38E709837198018ACC870AD79E0D5AB65B994E17B1CE77A9143CD7081C6B90688504AD499C31177E0E7D4E82EE3CC8C26D9E645659ABBAA2A2EB4049BC4B8F970BF2F9637BF3F1DB5FEF87A7E1F0B654398122C76BE236B9EADC5EB59A27283BA10A0F84A8F2C06E890E0BA67F1E82EA66A7E352FB3FC26CBFFFB6A7803D6D72C966DEC5970671183154607F0CC53427A520127929DC98086D9B57E0E3DFCC99954B70EDB5D8D5D17203EE92F934BCFBF0048EA62CC');
CREATE TABLE history_meta (
	"key" VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "history_meta" VALUES('schema_version','1');
CREATE TABLE latest (
	source INTEGER NOT NULL, 
	destination INTEGER NOT NULL, 
	variant SMALLINT NOT NULL, 
	size BIGINT NOT NULL, 
	result BIGINT NOT NULL, 
	run INTEGER NOT NULL, 
	probe TEXT NOT NULL, 
	attempt SMALLINT NOT NULL, 
	started BIGINT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (source, destination, variant, size)
);
INSERT INTO "latest" VALUES(1,2,1,1048576,1,1,'p0',1,1795348800250000,'{"run_id":"r1","probe_id":"p0","subject":{"kind":"link","source":"SITE-A","destination":"SITE-B"},"variant":"https-pull","size_bytes":1048576,"started_at":"2026-11-22T12:00:00.250000Z","attempt":1,"outcome":"ok","reason":"ok","code":0,"phase":"verify","blame":"nobody","alternatives":[],"hint":"","warnings":["no marker for 7 s"],"phases":{"queued":0.001,"token":0.012346,"request":0.08,"transfer":0.3},"bytes":1048576,"transfer_seconds":0.3,"throughput":3495253.333333,"markers":{"count":2,"bytes_claimed":1048576,"first_byte_seconds":0.1,"longest_silence_seconds":0.2,"remote_connections":["tcp:192.0.2.1:2880"]},"address_family":"ipv4","checksum":{"algorithm":"adler32","expected":"0a1b2c3d","found":"0a1b2c3d","verified_by":"digest"},"evidence":{"exchanges":[],"tokens":[{"role":"write","issuer":"https://iam.example.org/","subject_hash":"5f2a","audience":["https://site-b.example"],"scope":"storage.create:/tpcharness/x/SITE-A","expires":"2026-11-22T12:20:00.250000Z"}],"tls":[]},"implementation":{"source":["dCache/9.2.6"],"destination":["XRootD/5.7.1"]},"clock_offset_seconds":null}');
INSERT INTO "latest" VALUES(2,1,1,1048576,2,1,'p1',1,1795348800250000,'{"run_id":"r1","probe_id":"p1","subject":{"kind":"link","source":"SITE-B","destination":"SITE-A"},"variant":"https-pull","size_bytes":1048576,"started_at":"2026-11-22T12:00:00.250000Z","attempt":1,"outcome":"failure","reason":"forbidden","code":512,"phase":"request","blame":"destination","alternatives":[{"reason":"unauthenticated","blame":"issuer"}],"hint":"the token''s issuer is not mapped at the destination","warnings":["no marker for 7 s"],"phases":{"queued":0.001,"token":0.012346,"request":0.08,"transfer":0.3},"bytes":null,"transfer_seconds":null,"throughput":null,"markers":{"count":2,"bytes_claimed":1048576,"first_byte_seconds":0.1,"longest_silence_seconds":0.2,"remote_connections":["tcp:192.0.2.1:2880"]},"address_family":"ipv4","checksum":{"algorithm":"adler32","expected":"","found":"","verified_by":"none"},"evidence":{"exchanges":[],"tokens":[{"role":"write","issuer":"https://iam.example.org/","subject_hash":"","audience":[],"scope":"storage.create:/tpcharness/x","expires":null}],"tls":[]},"implementation":{"source":["dCache/9.2.6"],"destination":["XRootD/5.7.1"]},"clock_offset_seconds":null}');
INSERT INTO "latest" VALUES(0,1,2,1024,3,1,'p2',1,1795348800250000,'{"run_id":"r1","probe_id":"p2","subject":{"kind":"endpoint","endpoint":"SITE-A"},"variant":"door","size_bytes":1024,"started_at":"2026-11-22T12:00:00.250000Z","attempt":1,"outcome":"ok","reason":"ok","code":0,"phase":"verify","blame":"nobody","alternatives":[],"hint":"","warnings":[],"phases":{},"bytes":null,"transfer_seconds":null,"throughput":null,"markers":{"count":0,"bytes_claimed":null,"first_byte_seconds":null,"longest_silence_seconds":null,"remote_connections":[]},"address_family":"ipv6","checksum":{"algorithm":"adler32","expected":"","found":"","verified_by":"none"},"evidence":{"exchanges":[],"tokens":[],"tls":[{"address":"2001:db8::1","version":"TLSv1.3","subject":"CN=SITE-A","issuer":"CN=Grid CA","names":["site-a"],"not_before":null,"not_after":"2027-03-02T12:00:00.250000Z","chain_length":0}]},"implementation":{"source":[],"destination":["dCache/9.2.6"]},"clock_offset_seconds":-0.25}');
CREATE TABLE result (
	id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	probe TEXT NOT NULL, 
	attempt SMALLINT NOT NULL, 
	source INTEGER NOT NULL, 
	destination INTEGER NOT NULL, 
	variant SMALLINT NOT NULL, 
	outcome SMALLINT NOT NULL, 
	started BIGINT NOT NULL, 
	size BIGINT NOT NULL, 
	code SMALLINT NOT NULL, 
	bytes BIGINT, 
	transfer_seconds DOUBLE, 
	throughput DOUBLE, 
	phases BLOB NOT NULL, 
	alternatives TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "result" VALUES(1,1,'p0',1,1,2,1,0,1795348800250000,1048576,0,1048576,0.3,3495253.333333,X'C301E807BA6080F104E0A712',NULL);
INSERT INTO "result" VALUES(2,1,'p1',1,2,1,1,1,1795348800250000,1048576,512,NULL,NULL,NULL,X'C301E807BA6080F104E0A712','504');
INSERT INTO "result" VALUES(3,1,'p2',1,0,1,2,0,1795348800250000,1024,0,NULL,NULL,NULL,X'00',NULL);
CREATE TABLE rollup (
	step SMALLINT NOT NULL, 
	source INTEGER NOT NULL, 
	destination INTEGER NOT NULL, 
	variant SMALLINT NOT NULL, 
	at BIGINT NOT NULL, 
	outcome SMALLINT NOT NULL, 
	reason SMALLINT NOT NULL, 
	count BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	transfer_seconds DOUBLE NOT NULL, 
	PRIMARY KEY (step, source, destination, variant, at, outcome, reason)
)
 WITHOUT ROWID

;
INSERT INTO "rollup" VALUES(1,0,0,1,1795348800,0,0,1,1048576,0.3);
INSERT INTO "rollup" VALUES(1,0,0,1,1795348800,1,51,1,0,0.0);
INSERT INTO "rollup" VALUES(1,0,0,2,1795348800,0,0,1,0,0.0);
INSERT INTO "rollup" VALUES(1,0,1,1,1795348800,1,51,1,0,0.0);
INSERT INTO "rollup" VALUES(1,0,1,2,1795348800,0,0,1,0,0.0);
INSERT INTO "rollup" VALUES(1,0,2,1,1795348800,0,0,1,1048576,0.3);
INSERT INTO "rollup" VALUES(1,1,0,1,1795348800,0,0,1,1048576,0.3);
INSERT INTO "rollup" VALUES(1,2,0,1,1795348800,1,51,1,0,0.0);
INSERT INTO "rollup" VALUES(2,0,0,1,1795305600,0,0,1,1048576,0.3);
INSERT INTO "rollup" VALUES(2,0,0,1,1795305600,1,51,1,0,0.0);
INSERT INTO "rollup" VALUES(2,0,0,2,1795305600,0,0,1,0,0.0);
INSERT INTO "rollup" VALUES(2,0,1,1,1795305600,1,51,1,0,0.0);
INSERT INTO "rollup" VALUES(2,0,1,2,1795305600,0,0,1,0,0.0);
INSERT INTO "rollup" VALUES(2,0,2,1,1795305600,0,0,1,1048576,0.3);
INSERT INTO "rollup" VALUES(2,1,0,1,1795305600,0,0,1,1048576,0.3);
INSERT INTO "rollup" VALUES(2,1,2,1,1795305600,0,0,1,1048576,0.3);
INSERT INTO "rollup" VALUES(2,2,0,1,1795305600,1,51,1,0,0.0);
INSERT INTO "rollup" VALUES(2,2,1,1,1795305600,1,51,1,0,0.0);
CREATE TABLE run (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "run" VALUES(1,'r1');
CREATE TABLE variant (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "variant" VALUES(1,'https-pull');
INSERT INTO "variant" VALUES(2,'door');
CREATE INDEX result_by_destination ON result (destination, variant, outcome, started);
CREATE INDEX result_by_link ON result (source, destination, variant, outcome, started);
CREATE UNIQUE INDEX result_key ON result (run, probe, attempt);
CREATE INDEX result_by_source ON result (source, variant, outcome, started);
CREATE INDEX result_by_time ON result (variant, outcome, started);
CREATE INDEX evidence_by_time ON evidence (started);
COMMIT;
