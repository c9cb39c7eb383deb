# shellcheck shell=bash disable=SC2015,SC2119,SC2154
# Apache Kafka in KRaft mode, from Maven Central's jars, one or three nodes that are broker and controller
# at once. A plain cluster lets everyone in. A secure one has TLS everywhere, SCRAM-SHA-512 for clients and
# between brokers, a certificate of its own authority between brokers and controllers, and ACLs that refuse
# what they do not allow. SCRAM cannot serve the controllers: its users are in the metadata they keep.

kafka_release=4.1.2

kafka_servers() { local i; for ((i = 1; i <= brokers; i++)); do echo "kafka$i"; done; }
kafka_port() { port $((19091 + ${1#kafka})) $((${1#kafka} - 1)); }
kafka_controller_port() { port $((19191 + ${1#kafka})) $((${1#kafka} + 2)); }
kafka_version() { echo "Apache Kafka $kafka_release"; }

# kafka_shape names what a cluster's data cannot change: so each shape has a folder of its own.
kafka_shape() { if [ "$secure" = yes ]; then echo "secure-$brokers"; else echo "plain-$brokers"; fi; }
kafka_home() { echo "$dir/data/kafka-$(kafka_shape)"; }

# kafka_list PORT_FUNCTION [PREFIX]: the addresses of all nodes, separated by commas; a % in the prefix is
# the node's number.
kafka_list() {
  local name list=
  for name in $(kafka_servers); do
    list+=${list:+,}${2:+${2//%/${name#kafka}}}127.0.0.1:$("$1" "$name")
  done
  echo "$list"
}

kafka_env() {
  export_line "$1KAFKA_BROKERS" "$(kafka_list kafka_port)"
  if [ "$1" = STOREFRONT_ ] && [ "$brokers" = 3 ]; then export_line STOREFRONT_KAFKA_REPLICATION 3; fi
  [ "$secure" = yes ] || return 0
  export_line STOREFRONT_KAFKA_TLS true
  export_line STOREFRONT_KAFKA_CA "$dir/tls/ca.pem"
  export_line STOREFRONT_KAFKA_SASL SCRAM-SHA-512
  export_line STOREFRONT_KAFKA_USER admin
  export_line STOREFRONT_KAFKA_PASSWORD "$(cat "$dir/tls/admin.password")"
}

# --- installing -----------------------------------------------------------------------------------

# find_java sets $java to a Java 17 or newer: JAVA_HOME's, the one on the path, or one beside it.
find_java() {
  local candidate version
  for candidate in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java)" /usr/lib/jvm/*/bin/java; do
    [ -x "$candidate" ] || continue
    version=$("$candidate" -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p' | head -n 1)
    if [ -n "$version" ] && [ "$version" -ge 17 ]; then java=$candidate; return 0; fi
  done
  return 1
}

kafka_install() {
  local missing=()
  if ! find_java; then missing+=(default-jre-headless); fi
  if [ ! -d "$dir/install/kafka-$kafka_release" ] && ! command -v mvn >/dev/null; then missing+=(maven); fi
  if [ "$secure" = yes ] && ! command -v openssl >/dev/null; then missing+=(openssl); fi
  if [ ${#missing[@]} -gt 0 ]; then apt_install "${missing[@]}" || return 1; fi
  find_java || { say "kafka: Java 17 or newer is needed, and apt-get brought none"; return 1; }
  install_folder "kafka-$kafka_release" kafka_fetch || return 1
  kafka_archive
  [ "$secure" = no ] || kafka_certificates
}

# kafka_fetch FOLDER: the broker, its tools, and what they log with, which the artifacts leave to choice.
kafka_fetch() {
  cat >"$1/pom.xml" <<POM || return 1
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>storefront.services</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka_release</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$kafka_release</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.3</version></dependency>
  </dependencies>
</project>
POM
  local level
  for level in info error; do
    cat >"$1/log-$level.properties" <<LOG || return 1
status = error
appender.out.type = Console
appender.out.name = out
appender.out.target = $([ "$level" = info ] && echo SYSTEM_OUT || echo SYSTEM_ERR)
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = $level
rootLogger.appenderRef.out.ref = out
LOG
  done
  long "kafka: fetching Apache Kafka $kafka_release with Maven, about 55 MB" kafka-install.log \
    mvn -B -f "$1/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1/libs" || return 1
  [ -f "$1/libs/kafka_2.13-$kafka_release.jar" ] && [ -f "$1/libs/kafka-tools-$kafka_release.jar" ]
}

# kafka_archive: most of a broker's start is Java loading classes. It does so in a third of the time from an archive
# of them, which is made by running a broker once; on a busy machine that is what failure tests wait for. An
# archive is of one Java and one path, so it is no part of the folder that was filled elsewhere.
kafka_archive_file() { echo "$dir/install/kafka-$kafka_release/$("$java" -version 2>&1 | cksum | cut -d ' ' -f 1).jsa"; }

kafka_archive() {
  local name
  [ ! -e "$(kafka_archive_file)" ] || return 0
  for name in kafka1 kafka2 kafka3; do if running "$name"; then return 0; fi; done
  free_port kafka1 "$(kafka_port kafka1)" && free_port kafka1 "$(kafka_controller_port kafka1)" || return 0
  long "kafka: preparing quick starts" kafka-archive.log kafka_archive_run || say "kafka: starts will be slower, no more"
  return 0
}

kafka_archive_run() {
  local work=$dir/install/.archive brokers=1 secure=no flags pid limit=$((SECONDS + 120))
  remove "$work"
  mkdir "$work" && kafka_flags && kafka_properties kafka1 | sed "s|^log.dirs=.*|log.dirs=$work/data|" >"$work/properties" || return 1
  kafka_java kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$work/properties" || return 1
  "$java" -Xmx256m -XX:ArchiveClassesAtExit="$work/archive.jsa" \
    -Dlog4j2.configurationFile="$dir/install/kafka-$kafka_release/log-info.properties" \
    "${flags[@]}" kafka.Kafka "$work/properties" >"$work/log" 2>&1 &
  pid=$!
  until grep -q 'Kafka Server started' "$work/log" || [ "$SECONDS" -ge "$limit" ]; do sleep 0.3; done
  kill -TERM "$pid"
  wait "$pid"
  [ -s "$work/archive.jsa" ] || { tail -n 20 "$work/log"; return 1; }
  mv "$work/archive.jsa" "$(kafka_archive_file)" && remove "$work"
}

# kafka_certificates: an authority, one certificate for all brokers on loopback, and the admin's password.
kafka_certificates() {
  local new=$dir/tls.new
  [ ! -d "$dir/tls" ] || return 0
  remove "$new"
  say "kafka: making certificates and the admin's password in $dir/tls"
  (
    umask 077
    mkdir "$new" && cd "$new" || exit 1
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout ca.key -out ca.pem \
      -subj "/CN=Storefront services CA" -addext "keyUsage=critical,keyCertSign,cRLSign" || exit 1
    openssl req -newkey rsa:2048 -nodes -keyout broker.key -out broker.csr -subj "/CN=storefront-kafka" || exit 1
    printf '%s\n' "subjectAltName=IP:127.0.0.1,DNS:localhost" "extendedKeyUsage=serverAuth,clientAuth" >broker.ext
    openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile broker.ext -out broker.crt || exit 1
    # Kafka reads the key (as PKCS 8, which openssl writes) and its chain from one PEM file.
    cat broker.key broker.crt ca.pem >broker.pem
    openssl rand -hex 16 >admin.password || exit 1
    cat >admin.properties <<CLIENT
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="$(cat admin.password)";
ssl.truststore.type=PEM
ssl.truststore.location=$dir/tls/ca.pem
CLIENT
    chmod 644 ca.pem
  ) >"$dir/log/kafka-certificates.log" 2>&1 || { tail -n 10 "$dir/log/kafka-certificates.log" >&2; return 1; }
  chmod 755 "$new" && mv -T "$new" "$dir/tls"
}

# --- running --------------------------------------------------------------------------------------

# kafka_flags sets $flags for every Java program here: what is compiled only once and collected by one thread starts
# with little work, and these servers and tools begin often and carry little.
kafka_flags() {
  local archive
  archive=$(kafka_archive_file)
  flags=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true -cp "$dir/install/kafka-$kafka_release/libs/*")
  [ ! -e "$archive" ] || flags=(-XX:SharedArchiveFile="$archive" "${flags[@]}")
}

# kafka_java CLASS ARGS...: one of Kafka's own programs that ends soon.
kafka_java() {
  local flags
  kafka_flags
  "$java" -Xmx256m -Dlog4j2.configurationFile="$dir/install/kafka-$kafka_release/log-error.properties" "${flags[@]}" "$@"
}

# kafka_properties NAME: a node's configuration.
kafka_properties() {
  local name=$1 clients=PLAINTEXT controllers=PLAINTEXT copies=$brokers in_sync=1
  # Of three copies two must have a record before it is acknowledged: so one broker may be lost at any time.
  [ "$brokers" = 1 ] || in_sync=2
  [ "$secure" = no ] || { clients=SASL_SSL; controllers=SSL; }
  cat <<CONF
process.roles=broker,controller
node.id=${name#kafka}
controller.quorum.voters=$(kafka_list kafka_controller_port %@)
listeners=CLIENTS://127.0.0.1:$(kafka_port "$name"),CONTROLLER://127.0.0.1:$(kafka_controller_port "$name")
advertised.listeners=CLIENTS://127.0.0.1:$(kafka_port "$name")
listener.security.protocol.map=CLIENTS:$clients,CONTROLLER:$controllers
inter.broker.listener.name=CLIENTS
controller.listener.names=CONTROLLER
log.dirs=$(kafka_home)/$name
auto.create.topics.enable=false
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$copies
offsets.topic.num.partitions=10
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=10
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=10
group.initial.rebalance.delay.ms=100
CONF
  [ "$secure" = yes ] || return 0
  cat <<CONF
ssl.keystore.type=PEM
ssl.keystore.location=$dir/tls/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/tls/ca.pem
listener.name.controller.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="$(cat "$dir/tls/admin.password")";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:admin;User:CN=storefront-kafka
CONF
}

# kafka_format NAME PROPERTIES: gives a new node's folder its cluster's id and, when secure, the admin. A folder
# is finished when the file `formatted` is beside it; others are made anew.
kafka_format() {
  local name=$1 properties=$2 home id scram=()
  home=$(kafka_home)
  [ ! -e "$home/$name.formatted" ] || return 0
  remove "$home/$name"
  if [ ! -s "$home/cluster.id" ]; then
    # 16 random bytes as URL-safe base64; one that begins with - would look like an option.
    until id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '='); [ "${id#-}" = "$id" ]; do :; done
    echo "$id" >"$home/cluster.id.new" && mv "$home/cluster.id.new" "$home/cluster.id" || return 1
  fi
  [ "$secure" = no ] || scram=(--add-scram "SCRAM-SHA-512=[name=admin,password=$(cat "$dir/tls/admin.password")]")
  if ! kafka_java kafka.tools.StorageTool format -t "$(cat "$home/cluster.id")" -c "$properties" ${scram[@]+"${scram[@]}"} \
    >"$dir/log/$name-format.log" 2>&1; then
    say "$name: its folder could not be formatted:"
    tail -n 10 "$dir/log/$name-format.log" >&2
    return 1
  fi
  : >"$home/$name.formatted"
}

# kafka_begin [kafkaN]: starts that node, or all, without waiting for them.
kafka_begin() {
  local name home shape heap=512 properties flags
  find_java || { say "kafka: no Java 17 or newer is there any more; scripts/services up installs one"; return 1; }
  [ "$brokers" = 1 ] || heap=384
  home=$(kafka_home)
  mkdir -p "$home" && kafka_flags || return 1
  # A cluster of another shape gives way as a whole before the first node of this one starts.
  for name in kafka1 kafka2 kafka3; do
    shape=$(kafka_node_shape "$name")
    if running "$name" && [ "$(shape_of "$name")" != "$shape" ]; then
      say "kafka: runs as '$(shape_of "$name")', wanted is '$shape'; starting it anew"
      end TERM 30 kafka1 kafka2 kafka3
    fi
  done
  for name in $(kafka_named "${1:-kafka}"); do
    reuse "$name" "$(kafka_node_shape "$name")" && continue
    free_port "$name" "$(kafka_port "$name")" && free_port "$name" "$(kafka_controller_port "$name")" || return 1
    properties=$home/$name.properties
    (umask 077 && kafka_properties "$name" >"$properties") && kafka_format "$name" "$properties" || return 1
    spawn "$name" "$(kafka_node_shape "$name")" "$java" -Xms128m "-Xmx${heap}m" -XX:MaxDirectMemorySize=256m \
      -XX:+ExitOnOutOfMemoryError -Dlog4j2.configurationFile="$dir/install/kafka-$kafka_release/log-info.properties" \
      "${flags[@]}" kafka.Kafka "$properties"
  done
}

kafka_node_shape() { echo "$(kafka_shape) of $kafka_release, ports $(kafka_port "$1") $(kafka_controller_port "$1")"; }
kafka_named() { if [ "$1" = kafka ]; then kafka_servers; else echo "$1"; fi; }

# kafka_answers NAME: a round trip of Kafka's protocol: ApiVersions, which a broker answers before it asks who
# calls. The request is its size, key 18, version 0, number 7 and no client's name; the answer has that number
# and the error 0.
kafka_answers() {
  local request='\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff' answer
  answer=$(kafka_send "$(kafka_port "$1")" "$request" 2>/dev/null | od -An -tx1 | tr -d ' \n')
  [ "${answer:8}" = 000000070000 ]
}
kafka_send() {
  if [ "$secure" = yes ]; then
    # s_client ends neither with its input nor with its reader, so it is ended.
    local tls tls_PID
    coproc tls { exec timeout 5 openssl s_client -quiet -verify_return_error -CAfile "$dir/tls/ca.pem" -connect "127.0.0.1:$1"; }
    printf '%b' "$2" >&"${tls[1]}"
    head -c 10 <&"${tls[0]}"
    kill "$tls_PID"
  else
    # shellcheck disable=SC2016 # the inner bash has its own arguments
    timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "%b" "$1" >&3 && head -c 10 <&3' "$1" "$2"
  fi
}

# kafka_await [kafkaN]: until they answer, and are known to the cluster as brokers that serve.
kafka_await() {
  local name up=0
  for name in $(kafka_servers); do if running "$name"; then up=$((up + 1)); fi; done
  if [ $((up * 2)) -le "$brokers" ]; then
    say "${1:-kafka}: started; it answers when most of the $brokers brokers run"
    return 0
  fi
  for name in $(kafka_named "${1:-kafka}"); do
    await "$name" 90 kafka_answers "$name" || return 1
  done
  await "$name" 60 kafka_serving "${1:-kafka}" || return 1
  for name in $(kafka_named "${1:-kafka}"); do ready "$name"; done
}

# kafka_serving kafka|kafkaN: whether each is listed by the cluster and not fenced off.
kafka_serving() {
  local name listed
  listed=$(kafka_tool kafka-broker-api-versions 2>/dev/null | grep '^127') || return 1
  for name in $(kafka_named "$1"); do
    grep -q "(id: ${name#kafka} rack: .* isFenced: false)" <<<"$listed" || return 1
  done
}

kafka_stop() {
  local list
  mapfile -t list < <(if [ "$1" = kafka ]; then printf 'kafka%d\n' 1 2 3; else echo "$1"; fi)
  end TERM 30 "${list[@]}"
}
kafka_kill() {
  local list
  mapfile -t list < <(kafka_named "$1")
  end KILL 15 "${list[@]}"
}

# --- tools ----------------------------------------------------------------------------------------

# Each line: the tool as Kafka's own scripts name it, its class, its option for a client's configuration.
kafka_tools() {
  cat <<'TOOLS'
kafka-acls org.apache.kafka.tools.AclCommand --command-config
kafka-broker-api-versions org.apache.kafka.tools.BrokerApiVersionsCommand --command-config
kafka-configs kafka.admin.ConfigCommand --command-config
kafka-console-consumer org.apache.kafka.tools.consumer.ConsoleConsumer --consumer.config
kafka-console-producer org.apache.kafka.tools.ConsoleProducer --producer.config
kafka-consumer-groups org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --command-config
kafka-delete-records org.apache.kafka.tools.DeleteRecordsCommand --command-config
kafka-features org.apache.kafka.tools.FeatureCommand --command-config
kafka-get-offsets org.apache.kafka.tools.GetOffsetShell --command-config
kafka-groups org.apache.kafka.tools.GroupsCommand --command-config
kafka-leader-election org.apache.kafka.tools.LeaderElectionCommand --admin.config
kafka-log-dirs org.apache.kafka.tools.LogDirsCommand --command-config
kafka-metadata-quorum org.apache.kafka.tools.MetadataQuorumCommand --command-config
kafka-reassign-partitions org.apache.kafka.tools.reassign.ReassignPartitionsCommand --command-config
kafka-topics org.apache.kafka.tools.TopicCommand --command-config
kafka-transactions org.apache.kafka.tools.TransactionsCommand --command-config
TOOLS
}

# kafka_tool TOOL ARGS...: adds the brokers, and the admin's credentials when secure, unless ARGS has its own.
kafka_tool() {
  local tool=${1:-} class option add=()
  tool=${tool%.sh}
  case $tool in '' | kafka-*) ;; *) tool=kafka-$tool ;; esac
  read -r _ class option < <(kafka_tools | grep "^$tool ")
  if [ -z "${class:-}" ]; then
    [ -z "$tool" ] || say "there is no tool $tool"
    die "the tools are: $(kafka_tools | cut -d ' ' -f 1 | paste -s -d ' ')"
  fi
  shift
  [ -d "$dir/install/kafka-$kafka_release" ] && find_java || die "Kafka is not installed in $dir: scripts/services up kafka"
  case " $* " in *" --bootstrap-server "*) ;; *) add+=(--bootstrap-server "$(kafka_list kafka_port)") ;; esac
  if [ "$secure" = yes ]; then
    case " $* " in *" $option "*) ;; *) add+=("$option" "$dir/tls/admin.properties") ;; esac
  fi
  kafka_java "$class" ${add[@]+"${add[@]}"} "$@"
}
