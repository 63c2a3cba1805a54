const ofCluster = `      --name NAME       the cluster (default "default")
      --data-dir DIR    where it is kept (default ~/.pilothouse/clusters/NAME)
  -o, --output json     print JSON`;

const topics: Readonly<Record<string, string>> = {
  '': `pilothouse: a Kubernetes cluster of your own

Usage: pilothouse COMMAND [OPTIONS]

  up           run a cluster in the foreground
  status       tell whether a cluster is running, and where
  down         stop a running cluster
  kubeconfig   print a cluster's kubeconfig, or merge it into yours
  snapshot     save, list, inspect, verify or restore snapshots
  node         make a Linux machine a node, list them, drain or remove one
  image        load images into nodes
  version      print the version

"pilothouse COMMAND --help" tells more. Everything is kept below ~/.pilothouse, or PILOTHOUSE_HOME.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the cluster is not running.`,
  up: `Usage: pilothouse up [OPTIONS]

Runs a cluster in the foreground until it is interrupted, making it if it is not there yet. Prints
the API's address and the kubeconfig's path once it is ready.

      --name NAME             the cluster (default "default")
      --data-dir DIR          where it is kept (default ~/.pilothouse/clusters/NAME)
      --port PORT             of the API (default: its last one, 6443, or the next that is free)
      --etcd-port PORT        of the etcd face (default: 2379, or the next that is free; 0: none)
      --bind-address ADDRESS  where the API listens (default 127.0.0.1)
      --simulated-nodes N     nodes that run nothing (default: 2 while there is no other node)
      --etcd-endpoints URLS   keep the state in a real etcd, with --etcd-cacert, --etcd-cert and
                              --etcd-key FILE where it asks for certificates
      --no-window             neither open nor serve the window
      --log-level LEVEL       debug, info, warn or error (default warn)`,
  status: `Usage: pilothouse status [OPTIONS]

Tells whether the cluster is running, and where. Ends with 3 when it is not.

${ofCluster}`,
  down: `Usage: pilothouse down [OPTIONS]

Stops the cluster and waits for its end. Ends with 3 when it was not running.

${ofCluster}`,
  kubeconfig: `Usage: pilothouse kubeconfig [OPTIONS]

Prints the cluster's kubeconfig.

      --merge           add it to yours instead (KUBECONFIG, or ~/.kube/config), as the current
                        context; your file as it was stays beside it
${ofCluster}`,
  snapshot: `Usage: pilothouse snapshot save [FILE] | list | status FILE | verify FILE | restore FILE [OPTIONS]

Snapshots are real etcd snapshot files: etcdctl reads ours, and we read its.

  save      of a cluster, running or not; into its snapshots folder unless FILE is given
  list      those in the cluster's snapshots folder
  status    hash, revision, keys and size, as etcdctl prints them
  verify    restore into a scratch store and count
  restore   the state of a cluster, running or not, from FILE; the state before is kept. One that
            runs is restored step by step, and goes on with it after a crash

${ofCluster}`,
  node: `Usage: pilothouse node add ssh://USER@HOST[:PORT] | add local | add simulated | list |
                       drain NODE | remove NODE [OPTIONS]

  add       log in to a Linux machine, check it, and make it a node of the running cluster; on a
            machine that is one already, change only what is not as it should be. Simulated ones are no
            machines and run no containers: they are there at once, and come back with the cluster
  list      the machines that were added, and whether they are connected and ready
  drain     keep new pods away from a node and evict those on it, within their disruption budgets;
            pods of daemon sets stay
  remove    drain the node, take everything back that was done to its machine, and delete the node

A machine that is not known yet shows its key's fingerprint, to be confirmed. Keys, an SSH agent,
passwords and questions are understood; sudo's password is asked for where it takes one. None is kept.

      --count N         how many simulated ones (default: 1)
      --node-name NAME  what the node is called (default: the machine's host name)
  -i, --identity FILE   log in with this private key only
      --dry-run         check, and show what would be done
      --ignore CHECKS   names of checks that may fail, such as Memory,Swap
  -y, --yes             confirm everything
      --forget          remove: leave the machine as it is, for one that is gone
      --force           drain: pods that no controller starts again elsewhere, too;
                        remove: without draining first
${ofCluster}`,
  image: `Usage: pilothouse image load FILE [OPTIONS]

Loads an archive of images (as "docker save" writes it) into the nodes of a running cluster.

      --node NODE       into this one only
${ofCluster}`,
  version: `Usage: pilothouse version [-o json]`,
};

/** The help on a command; on all of them for a topic that is none. */
export function helpText(topic: string): string {
  return topics[topic] ?? topics['']!;
}
