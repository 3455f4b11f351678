#Requires -RunAsAdministrator
# What trunkline @VERSION@ needs on a @MACHINE@. It can run again at will: what is there already stays.
# Not yet run on a real Windows: read it before you run it.
$ErrorActionPreference = 'Stop'
$Account = @ACCOUNT@
$Label = 'Trunkline WinRM listener'
$Rule = 'Trunkline-WinRM-HTTPS'
$Guest = 'HKLM:\SOFTWARE\Microsoft\Virtual Machine\Guest'
$Policies = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System'
$Namespaces = 'root/cimv2', 'root/StandardCimv2', 'root/virtualization/v2', 'root/Microsoft/Windows/WindowsUpdate', 'root/Microsoft/Windows/Defender'
$Groups = @{
  host  = 'S-1-5-32-580', 'S-1-5-32-578', 'S-1-5-32-556', 'S-1-5-32-573', 'S-1-5-32-558'
  guest = 'S-1-5-32-580', 'S-1-5-32-544'
}
