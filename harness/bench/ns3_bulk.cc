// SPDX-License-Identifier: GPL-2.0-or-later
// The lab's yardstick: bulk TCP flows in ns-3 from one host to another, over a link of 100 Mbit/s
// and 10 ms that loses 1 % of the frames towards the receiver and has a drop-tail queue of 1,000
// frames. Prints one line of JSON: virtual seconds, frames that the two devices received, bytes that
// the applications received, and the wall time of the run.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"
#include "ns3/traffic-control-module.h"

using namespace ns3;

static std::uint64_t frames;

static void received(Ptr<const Packet>)
{
	frames++;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? std::atof(argv[1]) : 60;
	double loss = argc > 2 ? std::atof(argv[2]) : 0.01;
	unsigned flows = argc > 3 ? std::atoi(argv[3]) : 1;

	Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(1448));
	Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(4 << 20));
	Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(4 << 20));
	Config::SetDefault("ns3::TcpL4Protocol::SocketType", TypeIdValue(TcpNewReno::GetTypeId()));

	NodeContainer nodes;
	nodes.Create(2);

	PointToPointHelper link;
	link.SetDeviceAttribute("DataRate", StringValue("100Mbps"));
	link.SetQueue("ns3::DropTailQueue", "MaxSize", StringValue("1000p"));
	link.SetChannelAttribute("Delay", StringValue("10ms"));
	NetDeviceContainer devices = link.Install(nodes);

	Ptr<RateErrorModel> errors = CreateObject<RateErrorModel>();
	errors->SetAttribute("ErrorRate", DoubleValue(loss));
	errors->SetAttribute("ErrorUnit", EnumValue(RateErrorModel::ERROR_UNIT_PACKET));
	devices.Get(1)->SetAttribute("ReceiveErrorModel", PointerValue(errors));
	for (unsigned i = 0; i < 2; i++)
		devices.Get(i)->TraceConnectWithoutContext("MacRx", MakeCallback(&received));

	InternetStackHelper stack;
	stack.Install(nodes);
	Ipv4AddressHelper addresses;
	addresses.SetBase("10.0.0.0", "255.255.255.0");
	Ipv4InterfaceContainer interfaces = addresses.Assign(devices);
	// No second queue, of its own ways, in front of the device's.
	TrafficControlHelper().Uninstall(devices);

	std::vector<Ptr<PacketSink>> sinks;
	for (unsigned i = 0; i < flows; i++) {
		std::uint16_t port = 5001 + i;
		BulkSendHelper sender("ns3::TcpSocketFactory",
				      InetSocketAddress(interfaces.GetAddress(1), port));
		sender.SetAttribute("MaxBytes", UintegerValue(0));
		sender.Install(nodes.Get(0)).Start(Seconds(0));
		PacketSinkHelper receiver("ns3::TcpSocketFactory",
					  InetSocketAddress(Ipv4Address::GetAny(), port));
		ApplicationContainer sink = receiver.Install(nodes.Get(1));
		sink.Start(Seconds(0));
		sinks.push_back(DynamicCast<PacketSink>(sink.Get(0)));
	}

	Simulator::Stop(Seconds(seconds));
	auto begin = std::chrono::steady_clock::now();
	Simulator::Run();
	std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
	std::uint64_t bytes = 0;
	for (const auto &sink : sinks)
		bytes += sink->GetTotalRx();
	std::printf("{\"seconds\": %g, \"frames\": %llu, \"bytes\": %llu, \"wall\": %.6f}\n", seconds,
		    static_cast<unsigned long long>(frames),
		    static_cast<unsigned long long>(bytes),
		    wall.count());
	Simulator::Destroy();
	return 0;
}
