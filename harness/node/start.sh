# What a node is before anything runs on it, as process 1 of its process namespace, with mounts of its own:
#     bash start.sh FOLDER
# FOLDER holds its disk. /run is empty, as after any start of a machine.
set -eu
disk=$1
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
for place in lib/kubelet lib/cni log; do
    mkdir -p "$disk/var/$place" "/var/$place"
    mount --bind "$disk/var/$place" "/var/$place"
done
mount --make-rshared /var/lib/kubelet
touch /run/started
# Collects whatever loses its parent, as the first process of a machine has to.
trap : CHLD
while :; do
    sleep 3600 &
    wait || :
done
