#!/bin/sh
# Drives a simulated host with libvirt's own virsh, and holds each outcome against what its Hyper-V driver makes of Windows' answers.
# By hand only: Debian builds libvirt without that driver, so ./tests/run cannot count on it. VIRSH names one that has it.
#
#   trunkline simulate --world examples/seattle.world.yaml --state /tmp/world --plain-http     # in another terminal
#   tests/clients/virsh.sh /tmp/world/endpoints.yaml
#
# It works on hv-sea-2, from `remote`, with VMs of its own that it removes at the end, and takes about four minutes: the guest boots twice.
set -u
endpoints=${1:?usage: virsh.sh ENDPOINTS.YAML}
port=$(sed -n 's/^ *"192.168.0.12:5985 (remote)": 127.0.0.1://p' "$endpoints")
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
umask 077
printf '[credentials-host]\nusername=trunkline\npassword=example-host\n[auth-hyperv-127.0.0.1]\ncredentials=host\n' > "$folder/auth"
export LIBVIRT_AUTH_FILE="$folder/auth"
wrong=0 run=0

call() { "${VIRSH:-virsh}" -c "hyperv://127.0.0.1:$port/?transport=http" "$@" 2>&1; }

# want EXIT WORDS ARGUMENTS…: the call ends with EXIT, and WORDS (a pattern of grep) stand in what it says.
want() {
    code=$1 words=$2; shift 2; run=$((run + 1))
    said=$(call "$@"); got=$?
    if [ "$got" = "$code" ] && printf '%s\n' "$said" | grep -q -e "$words"; then printf 'as expected  virsh %s\n' "$*"; return; fi
    wrong=$((wrong + 1))
    printf 'OTHERWISE    virsh %s\n  exit %s, wanted %s with "%s"; it said:\n%s\n' "$*" "$got" "$code" "$words" "$said"
}

# until_can ARGUMENTS…: a guest takes a shutdown once it has booted, 90 s after its first start.
until_can() {
    for _ in $(seq 60); do call "$@" > "$folder/said" && return; sleep 3; done
    wrong=$((wrong + 1)); cat "$folder/said"
}
until_off() {
    for _ in $(seq 20); do call domstate "$1" | grep -q 'shut off' && return; sleep 3; done
    wrong=$((wrong + 1)); echo "$1 stays on"
}

switch=$(call net-uuid 'SfB CCE Corpnet Switch' | tr a-f A-F | grep -m1 -)
images='D:\Images\2.1'
cat > "$folder/lab.xml" <<XML
<domain type='hyperv'>
  <name>lab</name>
  <memory unit='MiB'>2048</memory>
  <vcpu>2</vcpu>
  <os><type>hvm</type></os>
  <devices>
    <controller type='scsi' index='0'/>
    <disk type='file' device='disk'>
      <source file='$images\\ad.vhdx'/><target dev='hda' bus='ide'/><address type='drive' controller='0' bus='0' target='0' unit='0'/>
    </disk>
    <interface type='bridge'><mac address='52:54:00:aa:bb:01'/><source bridge='$switch'/></interface>
    <serial type='pipe'><source path='\\\\.\\pipe\\lab'/><target port='1'/></serial>
  </devices>
</domain>
XML
cat > "$folder/spare.xml" <<XML
<domain type='hyperv'>
  <name>spare</name><memory unit='MiB'>1024</memory><vcpu>1</vcpu><os><type>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <source file='D:\\absent.vhdx'/><target dev='hda' bus='ide'/><address type='drive' controller='0' bus='0' target='0' unit='0'/>
    </disk>
  </devices>
</domain>
XML

want 0 'HV-SEA-2' hostname
want 0 'Hyper-V 1000.20.348' version
want 0 'CPU(s): *16' nodeinfo
want 0 'SfB CCE Internet Switch *active' net-list
want 0 'from' define "$folder/lab.xml"
want 0 'lab *shut off' list --all
want 0 "ad.vhdx" dumpxml lab
want 0 "source bridge='$switch'" dumpxml lab
want 0 'pipe.lab' dumpxml lab
want 0 'Used memory: *2097152 KiB' dominfo lab
want 1 '(32779)' define "$folder/spare.xml"                              # its disk is not there: the driver takes the VM back
want 1 "failed to get domain 'spare'" dominfo spare
want 0 '' setvcpus lab 4
want 1 '(32773)' setvcpus lab 17                                          # the host has 16
want 0 '' setmem lab 4G --current                                         # without --current virsh sends a flag that the driver refuses
want 1 'unsupported flags' setmem lab 4G
want 0 'CPU(s): *4' dominfo lab
want 0 'Used memory: *4194304 KiB' dominfo lab
want 0 'marked as autostarted' autostart lab
want 0 'Autostart: *enable' dominfo lab
want 0 'unmarked' autostart lab --disable
want 0 'Disk attached' attach-disk lab "$images\\cms.vhdx" sda --targetbus scsi --sourcetype file --address scsi:0.0.0
want 0 'Interface attached' attach-interface lab bridge "$switch" --mac 52:54:00:aa:bb:02
want 0 'started' start lab
want 1 'already active' start lab
want 0 '[0-9] *lab *running' list
want 1 '(32775)' setvcpus lab 2
want 1 '(32775)' undefine lab
want 1 '(32775)' attach-interface lab bridge "$switch" --mac 52:54:00:aa:bb:03     # generation 1 takes adapters only while it is off
want 1 '(32775)' attach-disk lab "$images\\edge.vhdx" hdb --targetbus ide --sourcetype file --address ide:0.0.1
want 0 'Disk attached' attach-disk lab "$images\\mediation.vhdx" sdb --targetbus scsi --sourcetype file --address scsi:0.0.1
want 0 'suspended' suspend lab
want 0 'no state' domstate lab                                            # the driver knows only the numbers of Windows 2008
want 1 'not active' suspend lab
want 0 'resumed' resume lab
want 1 'not paused' resume lab
want 1 '(32780)' shutdown lab                                             # it still boots
until_can shutdown lab
until_off lab
want 0 'started' start lab
until_can reboot lab
until_can shutdown lab
until_off lab
want 0 'started' start lab
want 0 'state saved' managedsave lab
want 0 'started' start lab
want 0 'destroyed' destroy lab
want 1 'not active' destroy lab
want 0 'sdb' domblklist lab
want 0 '52:54:00:aa:bb:02' domiflist lab
want 0 'has been undefined' undefine lab
want 1 "failed to get domain 'lab'" dominfo lab
echo "$run calls, $wrong otherwise"
[ "$wrong" = 0 ]
